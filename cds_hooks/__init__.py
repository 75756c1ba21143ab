"""The CDS Hooks service around the reasoning: protocol, network, storage, web. The only async code."""
