// Things to take along: values, code, files.

import { useEffect, useState } from 'react'
import { useT } from '../i18n'
import { Button } from './td'

/** The clipboard, or what is left of it where the page is not in a secure context. */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return false
  }
}

export function CopyButton({ text, label }: { text: string; label?: string }) {
  const t = useT()
  const [done, setDone] = useState<boolean>()
  useEffect(() => {
    if (done === undefined) return
    const timer = setTimeout(() => setDone(undefined), 1500)
    return () => clearTimeout(timer)
  }, [done])
  const words = done === undefined ? t('common.copy') : t(done ? 'common.copied' : 'common.notCopied')
  return (
    <Button
      size="small"
      variant="text"
      className="copy"
      aria-label={label ? `${words}: ${label}` : words}
      onClick={async () => setDone(await copy(text))}
    >
      {words}
    </Button>
  )
}

/** A value that is often pasted elsewhere. */
export function Copyable({ text }: { text: string }) {
  return (
    <span className="copyable">
      <span className="mono">{text}</span>
      <CopyButton text={text} label={text} />
    </span>
  )
}

export function Code({ code, label }: { code: string; label: string }) {
  return (
    <div className="code">
      <pre tabIndex={0} aria-label={label}>
        <code>{code}</code>
      </pre>
      <CopyButton text={code} label={label} />
    </div>
  )
}

/** Hands a text to the user as a file. */
export function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/x-pem-file' }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  // The browser has its own hold on the blob once the download has begun.
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
