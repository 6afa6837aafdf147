"""Chapters: parameters, execution by papermill, gate, scorecard and site."""
