"""The concrete search spaces, one file each; found through entry points, never imported by name."""
