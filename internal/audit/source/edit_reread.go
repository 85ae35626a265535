package source

// Reread parses the files that have new contents, and returns all in their
// order, with what is made of them made again. A file that does not parse stays
// as it was.
func Reread(files []*File, contents map[*File][]byte) []*File {
	out := make([]*File, len(files))
	for i, f := range files {
		out[i] = f
		if data, ok := contents[f]; ok {
			if again, _ := Parse(f.Name, f.Format, data); again != nil {
				again.Part = f.Part
				out[i] = again
			}
		}
	}
	linkHCL(out)
	return rebuilt(out)
}
