"""Signing keys as rows, the key ring every process holds, rotation."""
