"""What the book needs of the machine: folders, whole files, locks, cores, terminal."""
