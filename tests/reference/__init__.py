"""What the product says, computed again by the plainest code that can be read beside the definitions."""
