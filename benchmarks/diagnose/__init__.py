"""Do the hints find what is wrong, early, and leave sound runs in peace? Measured on runs spoilt on purpose."""
