"""Alerts on their way out of the house: routes of sites, webhooks, e-mail, Tasks, and what was decided about a model."""
