"""Divize: a CRM backend. Each folder is a room; each domain has one name in all of them."""
