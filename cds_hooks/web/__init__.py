"""Pages for people: the intended use and the demo's EHR simulator. No page loads anything from elsewhere."""
