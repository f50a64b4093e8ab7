"""The commands of the command line, one file per group. A command imports what it runs inside its function."""
