"""Two worlds that differ in one hidden value must give the same answers, to the byte, to whoever may not see it."""
