import { useEffect, useRef, useState } from 'preact/hooks';
import type { Card, QueueCounts, QueueView } from '../../api.js';
import { useApp, useStore } from '../context.js';
import { mergeDeck } from '../deck.js';

interface Deck {
  /** Null until they came for the first time. */
  cards: Card[] | null;
  tasks: QueueView['tasks'];
  counts: QueueCounts | null;
  failed: string | null;
  label(card: Card, task: string, label: string): void;
  put(card: Card, where: 'skip' | 'bad'): void;
  undo(): Promise<void>;
}

/** The cards that wait. An answer shows the next card at once; where the device refuses it the card comes back. */
export function useDeck(): Deck {
  const { api, actions } = useApp();
  const waiting = useStore((state) => state.overview?.queue.waiting);
  const undoId = useStore((state) => state.overview?.undo?.id);
  const [view, setView] = useState<QueueView | null>(null);
  const [cards, setCards] = useState<Card[] | null>(null);
  const [failed, setFailed] = useState<string | null>(null);
  /** Answered here and still on their way to the device. */
  const answered = useRef(new Set<string>());
  const last = useRef<string | null>(null);

  const load = async (takenBack: string | null = null) => {
    try {
      const queue = await api.queue();
      setView(queue);
      setCards((shown) => mergeDeck(shown ?? [], queue.cards, answered.current, takenBack));
      setFailed(null);
    } catch (error) {
      setFailed(actions.explain(error));
    }
  };
  // Others answer, too, and new questions come: the counts of the live stream say so.
  useEffect(() => {
    if (answered.current.size === 0) void load(last.current);
  }, [waiting, undoId]);

  const answer = async (card: Card, send: () => Promise<boolean>) => {
    if (answered.current.has(card.sample)) return;
    answered.current.add(card.sample);
    last.current = null;
    setCards((shown) => shown?.filter(({ sample }) => sample !== card.sample) ?? null);
    const done = await send();
    if (done) last.current = card.sample;
    answered.current.delete(card.sample);
    if (answered.current.size === 0) await load(done ? null : card.sample);
  };

  return {
    cards,
    tasks: view?.tasks ?? [],
    counts: view?.counts ?? null,
    failed,
    label: (card, task, label) => void answer(card, () => actions.label(card.sample, task, label)),
    put: (card, where) => void answer(card, () => actions[where](card.sample)),
    undo: async () => {
      const back = last.current;
      if (await actions.undo({ quiet: true })) await load(back);
    },
  };
}
