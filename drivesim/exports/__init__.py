"""Datasets in other people's formats: each export is a pure function of the native dataset."""
