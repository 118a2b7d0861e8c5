/** What somebody without the token gets: a form for it. It needs no script, and says nothing of the run. */

export function loginPage(wasWrong: boolean): string {
  const wrong = wasWrong
    ? '<p class="broken" id="wrong" role="alert">That is not the token of this coordinator.</p>'
    : '';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Stampede – token wanted</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/style.css">
</head>
<body>
<main class="login">
<p class="kicker">Stampede</p>
<h1>This page wants a token</h1>
${wrong}
<form method="post" action="/login">
<input name="username" autocomplete="username" value="stampede" hidden>
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus${wasWrong ? ' aria-invalid="true" aria-describedby="wrong"' : ''}>
<button type="submit">Watch the run</button>
</form>
<p class="quiet">It is what STAMPEDE_TOKEN was when the run was started.</p>
</main>
</body>
</html>
`;
}
