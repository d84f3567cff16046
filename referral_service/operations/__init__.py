"""What whoever runs the service looks at: is it alive, is it ready, how much does it do, how is it used."""
