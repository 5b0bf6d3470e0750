/** The text byte for byte as its receiver read it, with the tokens of each part beside it. */

import type { Envelope } from '../../../../spine/src/protocol/envelope.ts'
import type { Preview } from '../../../../spine/src/protocol/preview.ts'
import { number } from '../../core/words.ts'
import { useSealed } from '../../data/handoff.ts'
import { Copy } from '../../pieces/controls.tsx'
import { LevelGlyph } from '../../pieces/glyphs.tsx'
import { Facts, Loaded, Note, Panel } from '../../pieces/panel.tsx'
import { type Piece, piecesOf } from './sections.ts'

export function Text({ envelope }: { envelope: Envelope }) {
  const live = useSealed(envelope.id)
  const text = live.value?.sealed?.text ?? ''
  const hidden = text.match(/<U\+[\dA-F]{4,}>/g) ?? []
  const { budget, envelope_version, token_count } = envelope
  const target_agent = envelope.target_agent === 'broadcast' ? 'every receiver' : envelope.target_agent
  const facts = [
    ['Receiver', target_agent],
    ['Format', 'markdown'],
    ['Version', envelope_version === '2' ? '2.0' : envelope_version],
    ['Tokenizer', `${budget.tokenizer.replace('_base', '')}, counted to the token`],
  ] as const
  return (
    <div class="two text-tab">
      <Panel
        title={`Rendered for ${target_agent}`}
        end={
          <span class="row">
            markdown, {number(token_count)} tokens, byte for byte
            <Copy class="btn small" text={text}>
              Copy
            </Copy>
          </span>
        }
      >
        <Loaded live={live} what="The text could not be read." goesOn="The envelope itself is whole." rows={24}>
          {(preview) => (
            <div class="pieces">
              {piecesOf(text).map((piece, index) => (
                <PieceRow key={index} piece={piece} preview={preview} />
              ))}
            </div>
          )}
        </Loaded>
      </Panel>
      <div class="stack">
        <Panel title="Read as">
          <Facts facts={facts} />
        </Panel>
        <Note {...(hidden.length > 0 && { tier: 'warning' as const })}>
          Text of agents and tools is fenced and labelled with its source. Characters that cannot be seen are shown as{' '}
          <code>{'<U+200B>'}</code>; {hidden.length === 0 ? 'there are none' : `there are ${hidden.length}`}.
        </Note>
      </div>
    </div>
  )
}

function PieceRow({ piece, preview }: { piece: Piece; preview: Preview }) {
  const { part, id, text } = piece
  const carried = id === undefined ? undefined : preview.sealed?.levels.find((one) => one.id === id)
  const tokens =
    carried?.tokens ??
    (part === 'memories' ? undefined : preview.sealed?.parts.find((one) => one.part === part)?.tokens)
  const [first = '', ...rest] = text.trimEnd().split('\n')
  return (
    <>
      <div class="gutter">
        {carried ? <LevelGlyph ink={carried.level} /> : part === 'left out' && <LevelGlyph ink="receipt" />}
        <span class="cut" title={id ?? part}>
          {id ?? (part === 'memories' && !first.startsWith('##') ? '' : part)}
        </span>
        <span class="num">{tokens !== undefined && number(tokens)}</span>
      </div>
      <div class={`read ${id ? 'memory' : ''}`}>
        {first.startsWith('##') ? <strong>{first}</strong> : id ? <em>{first}</em> : first}
        {rest.map((line, index) => (
          <span key={index}>
            {'\n'}
            {part === 'left out' && /: missing \(/.test(line) ? <mark>{line}</mark> : line}
          </span>
        ))}
      </div>
    </>
  )
}
