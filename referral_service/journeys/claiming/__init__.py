"""Claims: who referred whom, judged, reviewed and moved to newer terms."""
