/** How the program k6 is named, and how to get it: for messages of whoever misses it. It loads nothing. */

/** Names the program, where it is not on the PATH. */
export const k6Variable = 'K6_BIN';

/** The end of every sentence that says that it is missing. */
export const howToGetK6 =
  `install it (where Go is: "go install go.k6.io/k6@latest", which puts it into ~/go/bin), or name it with ` +
  `${k6Variable}=/path/to/k6`;
