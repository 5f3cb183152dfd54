"""The kit of the shells; knows nothing of meshes."""
