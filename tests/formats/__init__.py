"""What earlier versions stored, kept as fixtures: this version must go on with all of it."""
