"""What a person writes: the models, their file with line-numbered errors, patches, variants, series."""
