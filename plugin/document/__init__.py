"""An assessment as the public JSON document and as the tree of reasons, with every resource accounted for."""
