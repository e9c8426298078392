"""Recipes that come with the builder, as TOML files beside this one."""
