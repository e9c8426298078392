"""The bundles that a device has beside the one it came with: installed whole, on trial until they have proved
themselves, and left again by themselves where they do not."""
