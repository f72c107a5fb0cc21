"""The application with a guard broken on purpose: a proof that does not see it proves nothing."""
