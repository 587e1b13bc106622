"""The template of AWS resources, and who may do what with them, on an account that moto keeps."""
