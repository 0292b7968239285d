"""Runs: submitted, dispatched, worked on, watched, ended, archived."""
