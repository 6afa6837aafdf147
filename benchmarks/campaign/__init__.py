"""Kills and failed writes by the hundred, and whether anything is lost or wrong."""
