export default function NewTraining(_: { ids?: number[]; id?: number; tab?: string }) {
  return <p />;
}
