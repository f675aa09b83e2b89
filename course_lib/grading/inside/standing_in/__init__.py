"""What a notebook finds in the jail in the place of the checks, the widgets and the models: each file is a package's
whole text there."""
