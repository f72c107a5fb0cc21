"""The rules: one module of verbs per domain, one function per business action. They neither commit nor send."""
