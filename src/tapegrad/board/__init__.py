"""The board: a local web page over run folders and over trainings that are going on."""
