"""What the site's pages say beyond the notebooks, all of it made from the verdicts."""
