from importlib import import_module

Migration = import_module("tests.db_models.created.0001_initial").Migration
