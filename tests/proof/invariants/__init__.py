"""Random people do random things, one after another and at once; after each step what must always hold is checked."""
