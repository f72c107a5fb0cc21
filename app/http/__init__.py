"""Transports around the schema: what speaks HTTP and WebSocket. No rules."""
