"""Pages and pictures made from the tables of a study folder."""
