"""Which counts the reports on feedback and on silent runs may show: no small one, nor any from which one follows."""
