"""The EHR simulator of the demo: a strict CDS Hooks 2.0.1 client in the browser, and what it asks this machine for.

The browser reads and writes the FHIR server, resolves prefetch templates and calls the services itself; nothing here
calls an address that a visitor names. This package gives it the patients, the orders that can be written, the tokens
and keys of a client, safe HTML for cards, and a record of the FHIR calls that a service made.
"""
