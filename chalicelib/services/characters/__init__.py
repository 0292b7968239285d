"""Characters: cards and pictures that users bring, keep and list."""
