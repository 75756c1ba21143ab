"""Clinical knowledge as cited, dated, checked data. Imports nothing of ours."""
