"""What a dataset needs to be processed: cores, memory and time, fitted from finished runs."""
