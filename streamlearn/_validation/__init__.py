"""Checks that turn the containers of users and blocks into arrays and labels.

Errors name the block.
"""
