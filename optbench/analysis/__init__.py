"""From stored runs to numbers with intervals; knows nothing of how runs are made or drawn."""
