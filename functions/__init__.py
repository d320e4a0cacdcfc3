"""The Lambda functions, one package each; they import `shared` and never each other."""
