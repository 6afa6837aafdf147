"""Work past one machine: jobs of minutes for a scheduler, and how they stand.

`jobs` divides editions into jobs that are the same at every call, `kept` knows where
they lie beside the results, `working` does one, `scratch` does it on a disk of its own,
`slots` keeps a GPU for one job, `standing` tells what is done and left.
"""
