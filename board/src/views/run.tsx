export default function RunPage(_: { ids?: number[]; id?: number; tab?: string }) {
  return <p />;
}
