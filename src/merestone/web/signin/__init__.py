"""Signing in: the parts between allauth and our pages."""
