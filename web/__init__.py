"""Pages for people: who pays, who runs the service, and the front door. They work without JavaScript."""
