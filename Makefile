# `make demo` and `make test` do all their own set-up on a fresh machine with Python >= 3.11.
VENV ?= .venv
OUT ?= out/demo
AREA ?= chain
ONLY ?=
WEIGHTS ?= nano
FORMATS ?= coco yolo kitti mot bdd100k nuscenes webdataset hf
PYTHON = $(VENV)/bin/python

.PHONY: help setup demo test lint types gallery acceptance prove

help:
	@echo "make demo             from a scenario to a video with labels and a report page, in $(OUT)"
	@echo "make test             the test suite"
	@echo "make lint             ruff: rules and layout"
	@echo "make types            mypy"
	@echo "make gallery          docs/gallery.md and its pictures, from WEIGHTS=$(WEIGHTS)"
	@echo "make acceptance       the heavy acceptance lines of AREA=$(AREA), as JSON; ONLY=TEXT picks some"
	@echo "make prove            exports read by other people's readers: FORMATS=\"$(FORMATS)\""
	@echo "make setup            only the virtual environment $(VENV)"

setup:
	@tools/setup $(VENV)

demo: setup
	@$(PYTHON) -m drivesim.demo $(OUT)

test: setup
	@$(PYTHON) -m pytest -n auto --dist loadfile

lint: setup
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .

types: setup
	@$(PYTHON) -m mypy

gallery: setup
	@$(PYTHON) tools/gallery.py --weights $(WEIGHTS)

acceptance: setup
	@$(PYTHON) tools/acceptance $(AREA) --only "$(ONLY)"

prove: setup
	@tools/prove/run $(PYTHON) $(FORMATS)
