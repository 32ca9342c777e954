"""Parts of export_backbone.py and make_gradient_fixtures.py."""
