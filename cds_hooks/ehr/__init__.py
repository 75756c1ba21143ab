"""The FHIR server of a client: its addresses, connections, searches, and the authority to read."""
